// The modules that JupyterLab shares with its extensions, filled before the plugin is evaluated.

export const NAMES = [
  "@jupyterlab/application",
  "@jupyterlab/notebook",
  "@jupyterlab/ui-components",
  "@lumino/widgets",
] as const;

export const modules: Record<string, unknown> = {};
