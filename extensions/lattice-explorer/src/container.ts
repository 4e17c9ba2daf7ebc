// The module-federation container: what JupyterLab's bootstrap expects of a prebuilt extension.

import { modules, NAMES } from "./shared";

declare const EXTENSION_NAME: string;

interface Offer {
  readonly loaded?: boolean | number;
  get(): Promise<() => unknown>;
}

// Package name → version → how to get it.
type Scope = Readonly<Record<string, Readonly<Record<string, Offer>>>>;

interface Container {
  init(scope: Scope): void;
  get(module: string): Promise<() => unknown>;
}

declare global {
  interface Window {
    _JUPYTERLAB?: Record<string, Container>;
  }
}

let scope: Scope = {};

async function take(name: string): Promise<void> {
  const offers = Object.values(scope[name] ?? {});
  const offer = offers.find((one) => one.loaded) ?? offers[0];
  if (!offer) throw new Error(`JupyterLab does not share ${name}`);
  const factory = await offer.get();
  modules[name] = factory();
}

const container: Container = {
  init(given) {
    scope = given;
  },
  async get(module) {
    if (module !== "./extension") throw new Error(`no module ${module} in ${EXTENSION_NAME}`);
    await Promise.all(NAMES.map(take));
    const plugin = (await import("./plugin")).default;
    return () => ({ __esModule: true, default: plugin });
  },
};

window._JUPYTERLAB = { ...window._JUPYTERLAB, [EXTENSION_NAME]: container };
