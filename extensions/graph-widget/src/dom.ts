// Elements are made here, and text goes in as text: nothing in this widget parses HTML.

export function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = "",
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  if (text) made.textContent = text;
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

// Outlines on a 16×16 field: a component is a hexagon, a provider a plug, a host a rack.
const ICONS: Readonly<Record<string, string>> = {
  component: "M8 1.5 13.6 4.75v6.5L8 14.5 2.4 11.25v-6.5Z",
  provider: "M5.5 1.5v3.5M10.5 1.5v3.5M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0ZM8 12v2.5",
  host: "M2 2.5h12v4.5H2ZM2 9h12v4.5H2ZM4.5 4.75h.01M4.5 11.25h.01",
  app: "M2.5 2.5h4v4h-4ZM9.5 2.5h4v4h-4ZM2.5 9.5h4v4h-4ZM9.5 9.5h4v4h-4Z",
  client: "M3.5 1.5h9v13h-9ZM6 1.5v13M8.5 5h2M8.5 8h2",
  fit: "M2 6V2h4M10 2h4v4M14 10v4h-4M6 14H2v-4",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  tidy: "M2 3h5v4H2ZM9 3h5v4H9ZM2 9.5h5v4H2ZM9 9.5h5v4H9Z",
};

export function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", "wb-icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name] ?? ICONS.component ?? "");
  svg.append(path);
  return svg;
}
