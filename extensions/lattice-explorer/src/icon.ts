import { LabIcon } from "@jupyterlab/ui-components";

// Three nodes of a lattice and what connects them; our own drawing, no foreign text in it.
const DRAWING = `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M12 2.2 16 4.5v4.6l-4 2.3-4-2.3V4.5Z"/>
    <path d="M5.6 12.9 9.6 15.2v4.6l-4 2.3-4-2.3v-4.6Z"/>
    <path d="M18.4 12.9 22.4 15.2v4.6l-4 2.3-4-2.3v-4.6Z"/>
  </g>
</svg>`;

export const latticeIcon = new LabIcon({ name: "workbench:lattice", svgstr: DRAWING });
