// What `course lab` adds to JupyterLab: a button that hands in, a start page that is up to date,
// and room for it on narrow screens. Written as JupyterLab loads it, so nothing has to be built.
"use strict";
(() => {
  const START = "START.md";
  const ASSIGNMENT = /^([^/]+)\/\1\.ipynb$/; // 02_sizing/02_sizing.ipynb
  const NARROW = 760; // pixels
  let shared; // JupyterLab's own modules, by name and version

  const load = async (name) => {
    const [only] = Object.values(shared[name]);
    return (await only.get())();
  };

  const makePlugin = async () => {
    const [{ INotebookTracker }, { IDocumentManager }, { ServerConnection }, { URLExt }, { showErrorMessage }] =
      await Promise.all(
        ["notebook", "docmanager", "services", "coreutils", "apputils"].map((name) => load(`@jupyterlab/${name}`)),
      );
    const settings = ServerConnection.makeSettings();
    const address = (...parts) => URLExt.join(settings.baseUrl, "course", ...parts);

    const activate = (app, tracker, documents) => {
      const command = "course:hand-in";
      const assignment = () => {
        const panel = tracker.currentWidget;
        return panel && ASSIGNMENT.test(panel.context.path) ? panel : null;
      };
      const handIn = async () => {
        const { context } = assignment();
        // Opened before anything is waited for: browsers allow that only in answer to a click.
        const page = window.open("about:blank", "_blank");
        if (!page) throw new Error("The browser blocks pop-ups. Allow them, or use the start page.");
        await context.save();
        page.location = address("hand-in", ASSIGNMENT.exec(context.path)[1]);
      };
      const renew = async () => {
        const page = documents.findWidget(START, "Markdown Preview");
        await ServerConnection.makeRequest(address("start-page"), { method: "POST" }, settings);
        await page?.context.revert();
      };
      app.commands.addCommand(command, {
        label: "Hand in",
        caption: "Save this assignment and make the file to hand in",
        isVisible: () => assignment() !== null,
        isEnabled: () => assignment() !== null,
        describedBy: { args: { type: "object", properties: {} } },
        execute: () => handIn().catch((error) => showErrorMessage("Not handed in", error)),
      });
      tracker.currentChanged.connect(() => app.commands.notifyCommandChanged(command));
      app.shell.currentChanged?.connect((_, { newValue }) => {
        if (newValue?.context?.path === START) renew().catch(console.warn);
      });
      app.restored.then(() => {
        if (window.innerWidth < NARROW) app.shell.collapseLeft();
      });
    };
    return {
      id: "course-lab:plugin",
      autoStart: true,
      requires: [INotebookTracker, IDocumentManager],
      activate,
    };
  };

  globalThis._JUPYTERLAB ??= {};
  globalThis._JUPYTERLAB["course-lab"] = {
    init: (scope) => { shared = scope; },
    get: async () => {
      const plugin = await makePlugin();
      return () => ({ __esModule: true, default: plugin });
    },
  };
})();
