/** The JupyterLab plugin: for now only its style, which shows or hides the static transcript. */
import "./style.css";

const plugin = {
  id: "agentscope-runtime-nb:plugin",
  description: "Shows the transcript of an agent's chat where no kernel is behind it.",
  autoStart: true,
  activate: (): void => undefined,
};

export default plugin;
