// Canvas needs colours as values; JupyterLab keeps them in CSS variables. This reads them.

export interface Theme {
  readonly edge: string;
  readonly active: string;
  readonly failed: string;
  readonly hostFill: string;
  readonly hostBorder: string;
  readonly focus: string;
}

// The custom properties are declared in style.css on .wb-graph, with fallbacks for other front ends.
export function readTheme(root: HTMLElement): Theme {
  const style = getComputedStyle(root);
  const paper = style.getPropertyValue("--wb-stage");
  const read = (name: string): string => solid(style.getPropertyValue(name), paper);
  return {
    edge: read("--wb-edge"),
    active: read("--wb-active"),
    failed: read("--wb-failed"),
    hostFill: read("--wb-host-fill"),
    hostBorder: read("--wb-host-border"),
    focus: read("--wb-active"),
  };
}

// Cytoscape takes rgb() without transparency: one pixel, painted on the paper, turns any CSS
// colour into that.
const scratch = document.createElement("canvas").getContext("2d", { willReadFrequently: true });

function solid(colour: string, paper: string): string {
  if (!scratch) return "rgb(128,128,128)";
  for (const paint of ["#ffffff", paper, colour]) {
    scratch.fillStyle = paint.trim();
    scratch.fillRect(0, 0, 1, 1);
  }
  const [r = 128, g = 128, b = 128] = scratch.getImageData(0, 0, 1, 1).data;
  return `rgb(${r},${g},${b})`;
}

// JupyterLab switches themes by an attribute on <body>; other front ends by the system's scheme.
export function onThemeChange(callback: () => void): () => void {
  const observer = new MutationObserver(callback);
  const attributeFilter = ["data-jp-theme-light", "data-jp-theme-name", "class", "data-vscode-theme-kind"];
  observer.observe(document.body, { attributes: true, attributeFilter });
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", callback);
  return () => {
    observer.disconnect();
    scheme.removeEventListener("change", callback);
  };
}

export function stillMotion(): boolean {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
