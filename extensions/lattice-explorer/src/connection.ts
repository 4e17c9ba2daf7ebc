// Follows one kernel at a time over the comm target `workbench.lattice`.
//
// The kernel opens a comm when its extension is loaded. A panel that comes later asks whether
// there is such a comm, and opens one of its own only then: opening one to a kernel without the
// extension would put an error into that kernel's log.

import type { Kernel } from "@jupyterlab/services";
import { type PanelState, stateOf, waiting } from "./protocol";

const TARGET = "workbench.lattice";

export class LatticeConnection {
  private kernel: Kernel.IKernelConnection | null = null;
  private comm: Kernel.IComm | null = null;

  constructor(private readonly changed: (state: PanelState) => void) {}

  follow(kernel: Kernel.IKernelConnection | null): void {
    if (kernel === this.kernel) return;
    this.leave();
    this.kernel = kernel;
    if (!kernel) return;
    kernel.statusChanged.connect(this.onStatus, this);
    if (kernel.handleComms) kernel.registerCommTarget(TARGET, this.onOpened);
    this.changed(waiting("not-loaded"));
    void this.ask(kernel);
  }

  leave(): void {
    const { kernel, comm } = this;
    this.kernel = this.comm = null;
    if (!kernel || kernel.isDisposed) return;
    kernel.statusChanged.disconnect(this.onStatus, this);
    if (kernel.handleComms) kernel.removeCommTarget(TARGET, this.onOpened);
    if (comm && !comm.isDisposed) comm.close();
  }

  private async ask(kernel: Kernel.IKernelConnection): Promise<void> {
    if (!kernel.handleComms) return;
    const reply = await kernel.requestCommInfo({ target_name: TARGET }).catch(() => null);
    if (kernel !== this.kernel || this.comm || reply?.content.status !== "ok") return;
    if (Object.keys(reply.content.comms).length === 0) return;
    const comm = kernel.createComm(TARGET);
    this.adopt(comm);
    comm.open({});
  }

  private readonly onOpened = (comm: Kernel.IComm): void => this.adopt(comm);

  private adopt(comm: Kernel.IComm): void {
    const before = this.comm;
    this.comm = comm;
    if (before && !before.isDisposed) before.close();
    comm.onMsg = (message) => {
      if (comm !== this.comm) return;
      const state = stateOf(message.content.data);
      if (state) this.changed(state);
    };
    comm.onClose = () => {
      if (comm !== this.comm) return;
      this.comm = null;
      this.changed(waiting("not-loaded"));
    };
  }

  private onStatus(_kernel: Kernel.IKernelConnection, status: Kernel.Status): void {
    if (status === "dead" || status === "terminating") this.changed(waiting("gone"));
    if (status !== "restarting" && status !== "autorestarting") return;
    // A new process: its extension will open a comm again when it is loaded.
    this.comm = null;
    this.changed(waiting("not-loaded"));
  }
}
