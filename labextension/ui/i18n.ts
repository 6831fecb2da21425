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
  cutOff: ["Cut off: the kernel has gone.", "已中断：内核已不在。"],
  retry: ["Retry", "重试"],
  tryAgain: ["Ask again", "重新提问"],
  newSession: ["New session", "新会话"],
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
  // What goes in: files, editing, commands, settings, sessions.
  locale: ["en", "zh"],
  attachments: ["Attachments", "附件"],
  attach: ["Attach files", "添加文件"],
  dropHere: ["Drop files to attach them", "松开以添加文件"],
  removeFile: ["Remove {name}", "移除 {name}"],
  reading: ["reading…", "读取中…"],
  tooManyFiles: [
    "{name} was not attached: a message takes at most {count} files.",
    "未添加 {name}：一条消息最多 {count} 个文件。",
  ],
  fileTooBig: [
    "{name} was not attached: it has {size}, a message takes {limit}.",
    "未添加 {name}：大小为 {size}，一条消息最多 {limit}。",
  ],
  filesTooBig: [
    "{name} ({size}) was not attached: all files of a message may have {limit} together.",
    "未添加 {name}（{size}）：一条消息的全部文件合计最多 {limit}。",
  ],
  fileEmpty: ["{name} was not attached: it is empty.", "未添加 {name}：文件为空。"],
  fileUnreadable: [
    "{name} was not attached: it cannot be read. Is it a folder?",
    "未添加 {name}：无法读取。是否为文件夹？",
  ],
  bytes: ["{n} B", "{n} B"],
  kilobytes: ["{n} kB", "{n} kB"],
  megabytes: ["{n} MB", "{n} MB"],
  editMessage: ["Edit message", "编辑消息"],
  editTakesOne: ["The turn after it will be taken back.", "其后的 1 轮对话将被撤回。"],
  editTakes: ["The {count} turns after it will be taken back.", "其后的 {count} 轮对话将被撤回。"],
  forkHere: ["Fork from here", "从这里分叉"],
  forked: [
    "A new session with what was said up to there. The other one is kept.",
    "已创建新会话，包含到该处为止的对话。原会话已保留。",
  ],
  cancel: ["Cancel", "取消"],
  skip: ["Skip", "跳过"],
  good: ["Good answer", "回答得好"],
  bad: ["Bad answer", "回答不好"],
  whatWasWrong: ["What was wrong? (optional)", "哪里不好？（可选）"],
  commands: ["Commands", "命令"],
  commandsHint: [
    "Commands: {count}. Arrows choose, Enter or Tab takes one, Esc closes.",
    "命令：{count} 个。方向键选择，Enter 或 Tab 确认，Esc 关闭。",
  ],
  settings: ["Settings of this chat", "此聊天的设置"],
  model: ["Model", "模型"],
  standard: ["{name} (default)", "{name}（默认）"],
  reset: ["Reset to defaults", "恢复默认设置"],
  sessions: ["Sessions", "会话"],
  searchSessions: ["Search sessions", "搜索会话"],
  loading: ["Loading…", "加载中…"],
  noSessions: [
    "No sessions yet. What you say here is kept and can be opened again.",
    "还没有会话。你在这里说的内容会被保存，可再次打开。",
  ],
  nothingFound: ["Nothing was found for “{search}”.", "未找到“{search}”。"],
  sessionsGone: [
    "Sessions are kept by the kernel. Run the cell again to see them.",
    "会话由内核保存。请重新运行单元格以查看。",
  ],
  sessionsBusy: [
    "Another session can be opened when the answer is finished.",
    "回答结束后可以打开其他会话。",
  ],
  untitled: ["Untitled", "未命名"],
  rename: ["Rename", "重命名"],
  delete: ["Delete", "删除"],
  deleteSure: ["Delete this session for good?", "永久删除此会话？"],
  current: ["open", "当前"],
  close: ["Close", "关闭"],
  oneTurn: ["1 turn", "1 轮"],
  turns: ["{count} turns", "{count} 轮"],
  justNow: ["just now", "刚刚"],
  continueWith: ["Continue", "继续"],
  starters: ["Try", "试试"],
  downloadNotebook: ["Notebook", "笔记本"],
  // What comes out: approvals, steps of sub-agents, tables and pictures, what it took.
  allowTool: ["Allow {tool}?", "允许使用 {tool}？"],
  fromServer: ["from {server}", "来自 {server}"],
  allow: ["Allow", "允许"],
  allowAlways: ["Always in this session", "本会话内始终允许"],
  allowAll: ["Allow all {count}", "全部允许（{count}）"],
  deny: ["Deny", "拒绝"],
  denyWithReason: ["with a reason…", "并说明理由…"],
  denyReason: ["Why not? The agent is told.", "为什么不？理由会告诉智能体。"],
  undo: ["Undo", "撤销"],
  allowed: ["Allowed", "已允许"],
  allowedAlways: ["Always allowed in this session", "本会话内始终允许"],
  denied: ["Denied", "已拒绝"],
  deniedWhy: ["Denied: {reason}", "已拒绝：{reason}"],
  wentOn: ["Not allowed: you went on without it", "未允许：你已跳过"],
  unanswered: ["Not answered", "未作答"],
  otherDecisions: ["{count} more to answer", "还有 {count} 项待答"],
  approvalHint: ["Answer above, or write to go on without it", "请在上方作答，或直接输入以跳过"],
  approvalAsked: [
    "{name} asks whether it may use {tools}. Answer in the conversation.",
    "{name} 询问是否可以使用 {tools}。请在对话中作答。",
  ],
  toolAsking: ["needs your answer", "等待你的许可"],
  toolDenied: ["not allowed", "未允许"],
  steps: ["Steps", "步骤"],
  oneStep: ["1 step", "1 步"],
  stepCount: ["{count} steps", "{count} 步"],
  copyCsv: ["Copy as CSV", "复制为 CSV"],
  framed: ["Formatted output", "带格式的输出"],
  enlarge: ["Show large", "放大"],
  contextUsed: [
    "Context: {used} of {window} tokens used ({percent} %)",
    "上下文：已用 {used} / {window} 词元（{percent}%）",
  ],
  contextFull: ["It is nearly full.", "即将用满。"],
  sessionUsed: [
    "This session: {input} in · {output} out tokens",
    "本会话：输入 {input} · 输出 {output} 词元",
  ],
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

/** How long ago something was, as people say it; after a month, the day. */
export function ago(seconds: number, words: Words, now = Date.now() / 1000): string {
  const past = Math.max(0, now - seconds);
  if (past < 60) return words("justNow");
  const format = new Intl.RelativeTimeFormat(words("locale"), { numeric: "auto" });
  if (past < 3600) return format.format(-Math.floor(past / 60), "minute");
  if (past < 86_400) return format.format(-Math.floor(past / 3600), "hour");
  if (past < 30 * 86_400) return format.format(-Math.floor(past / 86_400), "day");
  const day = new Intl.DateTimeFormat(words("locale"), { dateStyle: "medium" });
  return day.format(new Date(seconds * 1000));
}

/** The table, for the test that every word has both languages. */
export const WORDS = TABLE;
