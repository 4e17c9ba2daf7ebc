// Puts a line of code into the notebook: into the active cell if it is empty, else a new one below.

import { NotebookActions, type NotebookPanel } from "@jupyterlab/notebook";

export function insertCode(panel: NotebookPanel, code: string): void {
  const notebook = panel.content;
  const active = notebook.activeCell;
  const empty = active?.model.type === "code" && active.model.sharedModel.getSource().trim() === "";
  if (!empty) NotebookActions.insertBelow(notebook);
  const cell = notebook.activeCell;
  if (!cell) return;
  cell.model.sharedModel.setSource(code);
  void notebook.scrollToItem(notebook.activeCellIndex);
  notebook.mode = "edit";
  notebook.activate();
}
