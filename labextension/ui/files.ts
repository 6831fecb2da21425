/** Files and images that go along with a message: what is taken, how it travels, how it is told. */
import { newId } from "./channel";
import type { Word, Words } from "./i18n";
import { clean } from "./text";
import type { AnyContent, Message } from "./wire";

/** A content as it is sent to the kernel. */
export type OutContent =
  | { type: "image"; image_url: string; filename?: string }
  | { type: "audio"; data: string; format: string; filename?: string }
  | { type: "file"; filename: string; file_data?: string; file_url?: string }
  | { type: "video"; video_url: string };

/** Something that stands beside the text until it is sent. */
export interface Attachment {
  readonly key: string;
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** Null while the file is being read. */
  readonly content: OutContent | null;
}

/** The limits of one message; base64 makes seven megabytes nine, and sockets end at ten. */
export const MAX_FILES = 10;
export const MAX_BYTES = 7_000_000;

const RASTER = new Set(
  ["png", "jpeg", "gif", "webp", "avif", "bmp"].map((kind) => `image/${kind}`),
);
const SOUNDS: Readonly<Record<string, string>> = {
  "audio/wav": "wav",
  "audio/x-wav": "wav",
  "audio/wave": "wav",
  "audio/mpeg": "mp3",
  "audio/mp3": "mp3",
  "audio/flac": "flac",
  "audio/ogg": "ogg",
};

/** A sentence for the user: a word of the table with what fills its gaps. */
export type Refusal = readonly [Word, Record<string, string | number>];

/** Which of the files still fit beside what is there, and why the others do not. */
export function admit(
  present: readonly Attachment[],
  files: readonly File[],
  words: Words,
): { taken: File[]; refused: Refusal[] } {
  const taken: File[] = [];
  const refused: Refusal[] = [];
  let bytes = present.reduce((sum, item) => sum + item.size, 0);
  for (const file of files) {
    const name = clean(file.name);
    if (present.length + taken.length >= MAX_FILES) {
      refused.push(["tooManyFiles", { count: MAX_FILES, name }]);
    } else if (bytes + file.size > MAX_BYTES) {
      const [size, limit] = [sizeText(file.size, words), sizeText(MAX_BYTES, words)];
      refused.push([file.size > MAX_BYTES ? "fileTooBig" : "filesTooBig", { name, size, limit }]);
    } else if (file.size === 0) {
      refused.push(["fileEmpty", { name }]);
    } else {
      bytes += file.size;
      taken.push(file);
    }
  }
  return { taken, refused };
}

/** A file as something that is still being read. */
export function waitingFor(file: File): Attachment {
  return { key: newId(), name: clean(file.name) || "file", size: file.size, content: null };
}

/** Read a file into what is sent; rejects for what cannot be read, such as a folder. */
export async function read(file: File): Promise<OutContent> {
  const address = await dataUrl(file);
  const data = address.slice(address.indexOf(",") + 1);
  const filename = clean(file.name) || "file";
  const format = SOUNDS[file.type];
  if (RASTER.has(file.type)) {
    return { type: "image", image_url: `data:${file.type};base64,${data}`, filename };
  }
  if (format) return { type: "audio", data, format, filename };
  return { type: "file", filename, file_data: data };
}

function dataUrl(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error ?? new Error("unreadable"));
    reader.readAsDataURL(file);
  });
}

/** The files of a paste; none when text was meant, of which Office copies a picture as well. */
export function pastedFiles(data: DataTransfer | null): File[] {
  const files = [...(data?.files ?? [])];
  if (!data || files.length === 0) return [];
  const types = new Set(data.types);
  const written = data.getData("text/plain") !== "";
  return written && (types.has("text/html") || types.has("text/rtf")) ? [] : files;
}

/** What of a question is no text. */
export function attachedTo(input: readonly Message[]): Attachment[] {
  return input
    .flatMap((message) => message.content ?? [])
    .flatMap((content, index) => {
      const sent = outgoing(content);
      return sent ? [asAttachment(sent, `${index}`)] : [];
    });
}

/** A content that is sent already, as something beside a text. */
export function asAttachment(content: OutContent, key: string): Attachment {
  const data =
    content.type === "image"
      ? content.image_url
      : content.type === "audio"
        ? content.data
        : (content.type === "file" && content.file_data) || "";
  const base64 = /^https?:/.test(data) ? "" : data.slice(data.indexOf(",") + 1);
  return {
    key,
    name: clean(nameOf(content)),
    size: Math.floor((base64.length * 3) / 4) - (/={0,2}$/.exec(base64.slice(-2))?.[0].length ?? 0),
    content,
  };
}

function nameOf(content: OutContent): string {
  if (content.type === "image") return content.filename ?? "";
  if (content.type === "audio") return content.filename ?? `audio.${content.format}`;
  return content.type === "file" ? content.filename : content.video_url;
}

function outgoing(content: AnyContent): OutContent | null {
  const raw = content as unknown as Record<string, unknown>;
  const text = (name: string): string => (typeof raw[name] === "string" ? String(raw[name]) : "");
  const filename = text("filename");
  switch (content.type) {
    case "image":
      return { type: "image", image_url: text("image_url"), ...(filename && { filename }) };
    case "audio":
      return {
        type: "audio",
        data: text("data"),
        format: text("format") || "wav",
        ...(filename && { filename }),
      };
    case "video":
      return { type: "video", video_url: text("video_url") };
    case "file": {
      const [data, url] = [text("file_data"), text("file_url")];
      const where = data ? { file_data: data } : { file_url: url };
      return { type: "file", filename: filename || "file", ...where };
    }
    default:
      return null;
  }
}

/** Bytes, as people say them. */
export function sizeText(bytes: number, words: Words): string {
  if (bytes < 1_000) return words("bytes", { n: bytes });
  if (bytes < 1_000_000) return words("kilobytes", { n: Math.round(bytes / 1_000) });
  const millions = bytes / 1_000_000;
  return words("megabytes", { n: Number.isInteger(millions) ? millions : millions.toFixed(1) });
}
