// The sidebar panel: follows the current notebook and its kernel.

import type { INotebookTracker, NotebookPanel } from "@jupyterlab/notebook";
import { Widget } from "@lumino/widgets";
import { LatticeConnection } from "./connection";
import { latticeIcon } from "./icon";
import { insertCode } from "./insert";
import { waiting } from "./protocol";
import { LatticeView } from "./view";

export class LatticePanel extends Widget {
  private readonly view: LatticeView;
  private readonly connection: LatticeConnection;
  private notebook: NotebookPanel | null = null;

  constructor(private readonly tracker: INotebookTracker) {
    super();
    this.id = "workbench-lattice";
    this.addClass("wbx-panel");
    this.title.icon = latticeIcon;
    this.title.caption = "Lattice";
    this.node.setAttribute("role", "region");
    this.node.setAttribute("aria-label", "Lattice");
    this.view = new LatticeView(this.node, (code) => this.insert(code));
    this.connection = new LatticeConnection((state) => this.view.show(state));
    tracker.currentChanged.connect(this.look, this);
    this.look();
  }

  override dispose(): void {
    if (this.isDisposed) return;
    this.tracker.currentChanged.disconnect(this.look, this);
    this.unwatch();
    this.connection.leave();
    super.dispose();
  }

  private look(): void {
    const notebook = this.tracker.currentWidget;
    if (notebook === this.notebook && notebook) return;
    this.unwatch();
    this.notebook = notebook;
    notebook?.sessionContext.kernelChanged.connect(this.followKernel, this);
    this.followKernel();
  }

  private unwatch(): void {
    this.notebook?.sessionContext.kernelChanged.disconnect(this.followKernel, this);
    this.notebook = null;
  }

  private followKernel(): void {
    const kernel = this.notebook?.sessionContext.session?.kernel ?? null;
    this.connection.follow(kernel);
    if (!kernel) this.view.show(waiting(this.notebook ? "no-kernel" : "no-notebook"));
  }

  private insert(code: string): void {
    if (this.notebook && code) insertCode(this.notebook, code);
  }
}
