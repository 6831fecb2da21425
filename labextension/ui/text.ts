/** Text of strangers, made fit to show: no control codes, no reordering, no endless lines. */

const ANSI =
  /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[PX^_][^\u001b]*(?:\u001b\\)?|[ -/]*[0-~])/g;
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;
const BIDI = /[\u202a-\u202e\u2066-\u2069]/g;
const SUSPECT = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

/**
 * Without terminal codes and control characters; characters that reorder what is read are named,
 * so that nobody copies a command that looked like another.
 */
export function clean(text: string): string {
  if (!SUSPECT.test(text)) return text;
  return text
    .replace(/\r\n?/g, "\n")
    .replace(ANSI, "")
    .replace(CONTROL, "")
    .replace(BIDI, (char) => `[U+${char.charCodeAt(0).toString(16).toUpperCase()}]`);
}

/** Printed text: a carriage return starts its line again, as on a terminal. */
export function printed(text: string): string {
  const lines = text.replace(/\r\n/g, "\n").split("\n");
  return clean(
    lines
      .map((line) => line.replace(/\r+$/, ""))
      .map((line) => line.slice(line.lastIndexOf("\r") + 1))
      .join("\n"),
  );
}

/** JSON laid out for reading; text that is not (yet) JSON as it is. */
export function prettyJson(text: string): string {
  const trimmed = text.trim();
  if (trimmed.length > 200_000 || !/^[[{"]/.test(trimmed)) return text;
  try {
    const value: unknown = JSON.parse(trimmed);
    return typeof value === "string" ? value : JSON.stringify(value, null, 2);
  } catch {
    return text;
  }
}

/** One short line that stands for a value: `a=2, b="x"`. */
export function summary(args: string, limit = 80): string {
  let line = args;
  try {
    const value: unknown = JSON.parse(args);
    if (value && typeof value === "object" && !Array.isArray(value)) {
      line = Object.entries(value)
        .map(([key, item]) => `${key}=${JSON.stringify(item)}`)
        .join(", ");
    }
  } catch {
    line = args.slice(0, limit * 4); // still arriving
  }
  line = clean(line.slice(0, limit * 4))
    .replace(/\s+/g, " ")
    .trim();
  return line.length > limit ? `${line.slice(0, limit - 1)}…` : line;
}

/**
 * Cut text into pieces that the browser lays out one by one.
 *
 * @returns pieces of at most `size` characters, cut after a newline where there is one.
 */
export function pieces(text: string, size: number): string[] {
  const result: string[] = [];
  let start = 0;
  while (text.length - start > size) {
    const newline = text.lastIndexOf("\n", start + size - 1);
    let end = newline > start ? newline + 1 : start + size;
    const code = text.charCodeAt(end - 1);
    if (code >= 0xd800 && code <= 0xdbff) end -= 1; // not between the halves of one character
    result.push(text.slice(start, end));
    start = end;
  }
  result.push(text.slice(start));
  return result;
}
