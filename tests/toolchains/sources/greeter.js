export const greeter = {
  describe(p) {
    if (p.age > 150) throw `${p.name} is too old`;
    return {
      text: `${p.name} (${p.age}) ${p.email ?? '-'}`,
      initials: [p.name[0]],
      color: 'green',
      perms: { read: true, exec: true },
      shape: { tag: 'rect', val: [3, 4] },
      score: BigInt(-p.age),
    };
  },
  echoBytes: (data) => data,
  add: (a, b) => a + b,
  numbers: (...all) => all,
  nested: (x) => x,
  nothing() {
    console.log('nothing was asked');
    console.error('and told');
  },
  boom() {
    const raise = () => { throw new TypeError('boom on purpose'); };
    return raise();
  },
};
