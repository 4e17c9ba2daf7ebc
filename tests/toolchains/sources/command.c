#include <stdio.h>
#include <stdlib.h>

__attribute__((noinline)) static int quotient(int a, int b) {
  if (b == 0) __builtin_trap();
  return a / b;
}

int main(int argc, char **argv) {
  char line[256];
  const char *name = getenv("NAME");
  size_t bytes = 0;
  while (fgets(line, sizeof line, stdin)) bytes += 1;
  printf("hello from C, %d arguments, NAME=%s\n", argc - 1, name ? name : "");
  fprintf(stderr, "read %zu lines\n", bytes);
  return argc > 1 ? quotient(12, argc - 2) : 0;
}
