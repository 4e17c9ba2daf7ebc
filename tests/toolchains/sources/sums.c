/* A typed interface without any library: what the component model wants is plain exports. */
__attribute__((export_name("demo:sums/sums@0.1.0#add"))) int add(int a, int b) { return a + b; }

__attribute__((export_name("demo:sums/sums@0.1.0#mean"))) double mean(double a, double b) {
  return (a + b) / 2;
}
