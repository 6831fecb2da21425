/** Every word of the interface, English and Chinese. */

const TABLE = {
  conversation: ["Conversation with {name}", "与 {name} 的对话"],
  chatWith: ["Chat with {name}", "与 {name} 聊天"],
  emptyTitle: ["Say something to {name}.", "跟 {name} 说点什么吧。"],
  emptyHint: [
    "Edit the cell and run it again whenever you like: the conversation stays.",
    "随时可以修改并重新运行单元格，对话会保留。",
  ],
  placeholder: ["Message {name}", "给 {name} 发消息"],
  send: ["Send", "发送"],
  sendHint: ["Enter sends, Shift+Enter makes a new line", "Enter 发送，Shift+Enter 换行"],
  stop: ["Stop", "停止"],
  stopHint: ["{name} is answering. Esc stops it.", "{name} 正在回答。按 Esc 停止。"],
  stopping: ["Stopping…", "正在停止…"],
  stoppingDetail: ["Stopping: still running in {detail}.", "正在停止：仍在运行 {detail}。"],
  force: ["Force", "强制"],
  forceHint: [
    "Give the session free now; what that code still says is dropped",
    "立即释放会话；该代码之后的输出将被丢弃",
  ],
  stopped: ["Stopped.", "已停止。"],
  incomplete: ["The answer is incomplete.", "回答不完整。"],
  retry: ["Retry", "重试"],
  tryAgain: ["Ask again", "重新提问"],
  newSession: ["New session", "新会话"],
  newSessionSure: ["Clear and start anew?", "清空并重新开始？"],
  download: ["Download transcript", "下载对话记录"],
  downloadMarkdown: ["Markdown", "Markdown"],
  downloadJson: ["JSON", "JSON"],
  copy: ["Copy", "复制"],
  copied: ["Copied", "已复制"],
  copyAnswer: ["Copy answer", "复制回答"],
  copyMessage: ["Copy message", "复制消息"],
  thinking: ["Thinking…", "思考中…"],
  thought: ["Thoughts", "思考过程"],
  thoughtFor: ["Thought for {time}", "思考了 {time}"],
  working: ["Working…", "处理中…"],
  toolCalling: ["writing arguments", "正在生成参数"],
  toolRunning: ["running", "运行中"],
  toolCompleted: ["done", "完成"],
  toolFailed: ["failed", "失败"],
  toolCanceled: ["stopped", "已停止"],
  arguments: ["Arguments", "参数"],
  noArguments: ["No arguments.", "无参数。"],
  result: ["Result", "结果"],
  noResult: ["No result.", "无结果。"],
  waitingResult: ["Waiting for the result…", "等待结果…"],
  printed: ["Printed during this answer", "回答期间的打印输出"],
  tokens: ["{input} in · {output} out tokens", "输入 {input} · 输出 {output} 词元"],
  tokensTotal: ["{total} tokens", "{total} 词元"],
  error: ["Something went wrong", "出错了"],
  jump: ["Jump to latest", "跳到最新"],
  you: ["You", "你"],
  blockedElement: ["[blocked {name}]", "[已拦截 {name}]"],
  blockedLink: ["[blocked link]", "[已拦截链接]"],
  blockedImage: ["Image blocked: {address}", "已拦截图片：{address}"],
  openImage: ["open", "打开"],
  remoteFile: ["Not fetched: {address}", "未加载：{address}"],
  file: ["File", "文件"],
  image: ["Image", "图片"],
  audio: ["Sound", "音频"],
  video: ["Video", "视频"],
  truncated: [
    "Shown in part: {count} more characters are in the download.",
    "仅显示一部分：其余 {count} 个字符请见下载文件。",
  ],
  pendingSending: ["Sending…", "发送中…"],
  pendingQueued: [
    "The kernel is busy with a cell; your message is next.",
    "内核正忙于运行单元格；随后处理你的消息。",
  ],
  pendingFailed: ["Not sent: {why}", "未发送：{why}"],
  edit: ["Edit", "编辑"],
  dismiss: ["Dismiss", "关闭"],
  gone: [
    "The kernel behind this chat has gone. Run the cell again to go on; what was said stays here.",
    "此聊天的内核已不在。重新运行单元格即可继续；已有对话保留在此。",
  ],
  goneHint: ["Run the cell again to go on.", "请重新运行单元格以继续。"],
  goneShort: ["run the cell again to go on.", "请重新运行单元格以继续。"],
  schema: [
    "This chat speaks schema {theirs}, the page speaks {ours}: upgrade agentscope-runtime-nb in the {side} environment and reload the page.",
    "聊天使用协议 {theirs}，页面使用 {ours}：请在{side}环境升级 agentscope-runtime-nb 并刷新页面。",
  ],
  sideKernel: ["kernel's", "内核"],
  sideServer: ["Jupyter server's", "Jupyter 服务器"],
  failedState: ["The agent failed: {detail}", "智能体出错：{detail}"],
  answered: ["{name} answered: {text}", "{name} 回答：{text}"],
  milliseconds: ["{n} ms", "{n} 毫秒"],
  seconds: ["{n} s", "{n} 秒"],
  minutes: ["{m} min {s} s", "{m} 分 {s} 秒"],
} as const;

/** A key of the table. */
export type Word = keyof typeof TABLE;
/** Looks a word up and fills its gaps. */
export type Words = (key: Word, gaps?: Readonly<Record<string, string | number>>) => string;

/** The words of a language; "" means the browser's. */
export function wordsFor(lang: string): Words {
  const column = /^zh/i.test(lang || navigator.language || "en") ? 1 : 0;
  return (key, gaps = {}) =>
    TABLE[key][column].replace(/\{(\w+)\}/g, (_, gap: string) => String(gaps[gap] ?? ""));
}

/** Seconds, as people say them. */
export function duration(seconds: number, words: Words): string {
  if (seconds < 0.95) return words("milliseconds", { n: Math.max(1, Math.round(seconds * 1000)) });
  if (seconds < 9.95 && !Number.isInteger(seconds))
    return words("seconds", { n: seconds.toFixed(1) });
  if (seconds < 60) return words("seconds", { n: Math.round(seconds) });
  return words("minutes", { m: Math.floor(seconds / 60), s: Math.round(seconds % 60) });
}

/** The table, for the test that every word has both languages. */
export const WORDS = TABLE;
