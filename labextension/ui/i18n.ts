/** Every word of the interface, in English; other languages are fetched where they are spoken. */
import { hasAsset, loadAsset } from "./assets";

const PATIENCE = 2_000; // ms that a chat waits for its words

/** The table. */
export const ENGLISH = {
  conversation: "Conversation with {name}",
  chatWith: "Chat with {name}",
  emptyTitle: "Say something to {name}.",
  emptyHint: "Edit the cell and run it again whenever you like: the conversation stays.",
  placeholder: "Message {name}",
  send: "Send",
  sendHint: "Enter sends, Shift+Enter makes a new line",
  stop: "Stop",
  stopHint: "{name} is answering. Esc stops it.",
  stopping: "Stopping…",
  stoppingDetail: "Stopping: still running in {detail}.",
  force: "Force",
  forceHint: "Give the session free now; what that code still says is dropped",
  stopped: "Stopped.",
  incomplete: "The answer is incomplete.",
  cutOff: "Cut off: the kernel has gone.",
  retry: "Retry",
  tryAgain: "Ask again",
  newSession: "New session",
  download: "Download transcript",
  downloadMarkdown: "Markdown",
  downloadJson: "JSON",
  copy: "Copy",
  copied: "Copied",
  copyAnswer: "Copy answer",
  copyMessage: "Copy message",
  thinking: "Thinking…",
  thought: "Thoughts",
  thoughtFor: "Thought for {time}",
  working: "Working…",
  toolCalling: "writing arguments",
  toolRunning: "running",
  toolCompleted: "done",
  toolFailed: "failed",
  toolCanceled: "stopped",
  arguments: "Arguments",
  noArguments: "No arguments.",
  result: "Result",
  noResult: "No result.",
  waitingResult: "Waiting for the result…",
  printed: "Printed during this answer",
  tokens: "{input} in · {output} out tokens",
  tokensTotal: "{total} tokens",
  error: "Something went wrong",
  jump: "Jump to latest",
  you: "You",
  blockedElement: "[blocked {name}]",
  blockedLink: "[blocked link]",
  blockedImage: "Image blocked: {address}",
  openImage: "open",
  remoteFile: "Not fetched: {address}",
  file: "File",
  image: "Image",
  audio: "Sound",
  video: "Video",
  truncated: "Shown in part: {count} more characters are in the download.",
  pendingSending: "Sending…",
  pendingQueued: "The kernel is busy with a cell; your message is next.",
  pendingFailed: "Not sent: {why}",
  edit: "Edit",
  dismiss: "Dismiss",
  gone: "The kernel behind this chat has gone. Run the cell again to go on; what was said stays here.",
  goneHint: "Run the cell again to go on.",
  goneShort: "run the cell again to go on.",
  schema:
    "This chat speaks schema {theirs}, the page speaks {ours}: upgrade agentscope-runtime-nb in the {side} environment and reload the page.",
  sideKernel: "kernel's",
  sideServer: "Jupyter server's",
  failedState: "The agent failed: {detail}",
  answered: "{name} answered: {text}",
  // What goes in: files, editing, commands, settings, sessions.
  locale: "en",
  attachments: "Attachments",
  attach: "Attach files",
  dropHere: "Drop files to attach them",
  removeFile: "Remove {name}",
  reading: "reading…",
  tooManyFiles: "{name} was not attached: a message takes at most {count} files.",
  fileTooBig: "{name} was not attached: it has {size}, a message takes {limit}.",
  filesTooBig:
    "{name} ({size}) was not attached: all files of a message may have {limit} together.",
  fileEmpty: "{name} was not attached: it is empty.",
  fileUnreadable: "{name} was not attached: it cannot be read. Is it a folder?",
  bytes: "{n} B",
  kilobytes: "{n} kB",
  megabytes: "{n} MB",
  editMessage: "Edit message",
  editTakesOne: "The turn after it will be taken back.",
  editTakes: "The {count} turns after it will be taken back.",
  forkHere: "Fork from here",
  forked: "A new session with what was said up to there. The other one is kept.",
  cancel: "Cancel",
  skip: "Skip",
  good: "Good answer",
  bad: "Bad answer",
  whatWasWrong: "What was wrong? (optional)",
  commands: "Commands",
  commandsHint: "Commands: {count}. Arrows choose, Enter or Tab takes one, Esc closes.",
  settings: "Settings of this chat",
  model: "Model",
  standard: "{name} (default)",
  reset: "Reset to defaults",
  sessions: "Sessions",
  searchSessions: "Search sessions",
  loading: "Loading…",
  noSessions: "No sessions yet. What you say here is kept and can be opened again.",
  nothingFound: "Nothing was found for “{search}”.",
  sessionsGone: "Sessions are kept by the kernel. Run the cell again to see them.",
  sessionsBusy: "Another session can be opened when the answer is finished.",
  untitled: "Untitled",
  rename: "Rename",
  delete: "Delete",
  deleteSure: "Delete this session for good?",
  current: "open",
  close: "Close",
  oneTurn: "1 turn",
  turns: "{count} turns",
  justNow: "just now",
  continueWith: "Continue",
  starters: "Try",
  downloadNotebook: "Notebook",
  // What comes out: approvals, steps of sub-agents, tables and pictures, what it took.
  allowTool: "Allow {tool}?",
  fromServer: "from {server}",
  allow: "Allow",
  allowAlways: "Always in this session",
  allowAll: "Allow all {count}",
  deny: "Deny",
  denyWithReason: "with a reason…",
  denyReason: "Why not? The agent is told.",
  undo: "Undo",
  allowed: "Allowed",
  allowedAlways: "Always allowed in this session",
  denied: "Denied",
  deniedWhy: "Denied: {reason}",
  wentOn: "Not allowed: you went on without it",
  unanswered: "Not answered",
  otherDecisions: "{count} more to answer",
  approvalHint: "Answer above, or write to go on without it",
  approvalAsked: "{name} asks whether it may use {tools}. Answer in the conversation.",
  toolAsking: "needs your answer",
  toolDenied: "not allowed",
  steps: "Steps",
  oneStep: "1 step",
  stepCount: "{count} steps",
  copyCsv: "Copy as CSV",
  framed: "Formatted output",
  enlarge: "Show large",
  contextUsed: "Context: {used} of {window} tokens used ({percent} %)",
  contextFull: "It is nearly full.",
  sessionUsed: "This session: {input} in · {output} out tokens",
  milliseconds: "{n} ms",
  seconds: "{n} s",
  minutes: "{m} min {s} s",
} as const;

/** A key of the table. */
export type Word = keyof typeof ENGLISH;
/** Looks a word up and fills its gaps. */
export type Words = (key: Word, gaps?: Readonly<Record<string, string | number>>) => string;

/** A look-up in a table of words. */
export function wordsOf(table: Readonly<Record<Word, string>>): Words {
  return (key, gaps = {}) =>
    table[key].replace(/\{(\w+)\}/g, (_, gap: string) => String(gaps[gap] ?? ""));
}

/** The words that are always here. */
export const english = wordsOf(ENGLISH);

/** The asset with the words of a language, "" meaning the browser's; null where English will do. */
export function languageOf(lang: string): string | null {
  return /^zh/i.test(lang || navigator.language || "en") && hasAsset("zh") ? "zh" : null;
}

/** The words of an asset; English when nobody has it in time. */
export async function fetchWords(asset: string): Promise<Words> {
  try {
    const late = new Promise<never>((_, fail) => setTimeout(fail, PATIENCE));
    const loaded = loadAsset<{ WORDS: Readonly<Record<Word, string>> }>(asset);
    return wordsOf((await Promise.race([loaded, late])).WORDS);
  } catch {
    return english;
  }
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
