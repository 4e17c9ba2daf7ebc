import { ILayoutRestorer, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { INotebookTracker } from "@jupyterlab/notebook";
import { LatticePanel } from "./panel";
import styles from "./style.css";

const plugin: JupyterFrontEndPlugin<void> = {
  id: "wasmcloud-workbench:lattice",
  description: "Hosts, components, providers, links and applications of the notebook's lattice.",
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ILayoutRestorer],
  activate: (app, tracker: INotebookTracker, restorer: ILayoutRestorer | null) => {
    const sheet = document.createElement("style");
    sheet.textContent = styles;
    document.head.append(sheet);
    const panel = new LatticePanel(tracker);
    // Below the file browser, the running kernels and the table of contents.
    app.shell.add(panel, "left", { rank: 450, type: "Lattice" });
    restorer?.add(panel, panel.id);
  },
};

export default plugin;
