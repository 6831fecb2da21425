// lab/index.ts
import "./style.css";
var plugin = {
  id: "agentscope-runtime-nb:plugin",
  description: "Shows the transcript of an agent's chat where no kernel is behind it.",
  autoStart: true,
  activate: () => void 0
};
var lab_default = plugin;
export {
  lab_default as default
};
