/** What an app says about itself, read with care: starters, commands, settings, models. */
import { clean } from "./text";

/** Something to begin with. */
export interface Starter {
  readonly label: string;
  readonly text: string;
}
/** A command that messages may begin with. */
export interface Command {
  readonly name: string;
  readonly description: string;
}
/** A value that a setting may have. */
export type Value = string | number | boolean;
/** Something that can be chosen for a chat. */
export interface Setting {
  readonly name: string;
  readonly kind: "choice" | "number" | "text" | "switch";
  readonly choices: readonly string[];
  readonly default: Value;
}
/** Everything an app says about itself. */
export interface Info {
  readonly starters: readonly Starter[];
  readonly commands: readonly Command[];
  readonly settings: readonly Setting[];
  readonly models: readonly string[];
  readonly model: string;
}
/** What was chosen, by name; `model` among them. */
export type Values = Readonly<Record<string, Value>>;

const KINDS = new Set(["choice", "number", "text", "switch"]);

/** The `info` trait. */
export function readInfo(raw: unknown): Info {
  const info = record(raw);
  return {
    starters: list(info["starters"])
      .map(record)
      .map((starter) => ({ label: line(starter["label"]), text: text(starter["text"]) }))
      .map(({ label, text }) => ({ label: label || text.slice(0, 80), text: text || label }))
      .filter(({ text }) => text.trim() !== ""),
    commands: list(info["commands"])
      .map(record)
      .map((command) => ({
        name: line(command["name"]).replace(/^\/+/, ""),
        description: line(command["description"]),
      }))
      .filter(({ name }) => /^[^\s/]+$/.test(name)),
    settings: list(info["settings"]).map(record).flatMap(readSetting),
    models: list(info["models"]).map(line).filter(Boolean),
    model: line(info["model"]),
  };
}

function readSetting(raw: Record<string, unknown>): Setting[] {
  const { name, kind } = raw;
  if (typeof name !== "string" || !name || typeof kind !== "string" || !KINDS.has(kind)) return [];
  const standard = raw["default"];
  const choices = list(raw["choices"]).map(String);
  const fallback = kind === "switch" ? false : kind === "choice" ? (choices[0] ?? "") : "";
  return [
    {
      name,
      kind: kind as Setting["kind"],
      choices,
      default: isValue(standard) ? standard : fallback,
    },
  ];
}

/** The `settings` trait. */
export function readValues(raw: unknown): Values {
  return Object.fromEntries(
    Object.entries(record(raw)).filter((entry) => isValue(entry[1])),
  ) as Values;
}

function isValue(value: unknown): value is Value {
  return ["string", "number", "boolean"].includes(typeof value);
}

function record(value: unknown): Record<string, unknown> {
  return value && typeof value === "object" ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** One line of it, fit to show. */
function line(value: unknown): string {
  return clean(text(value)).replace(/\s+/g, " ").trim().slice(0, 300);
}
