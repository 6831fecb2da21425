/** Scenes of what goes in: sessions, starters, files, commands, settings, editing. */
import type { Scene } from "./scenes";
import { RunScript, userMessage } from "./script";
import { ScriptedModel } from "./scripted-model";

const INFO = {
  starters: [
    { label: "What can you do?", text: "What can you do?" },
    { label: "Weather in Lisbon", text: "How warm will it be in Lisbon over the next three days?" },
    { label: "Plan my week", text: "Plan my week around two mornings of deep work." },
  ],
  commands: [
    { name: "help", description: "Say what can be asked" },
    { name: "weather", description: "The weather of a city, without asking the model" },
    { name: "reset", description: "Forget the city" },
  ],
  settings: [
    { name: "tone", kind: "choice", choices: ["friendly", "terse", "formal"], default: "friendly" },
    { name: "days", kind: "number", default: 3 },
    { name: "city", kind: "text", default: "Lisbon" },
    { name: "celsius", kind: "switch", default: true },
  ],
  models: ["scripted", "local", "qwen-plus", "gpt-4.1-mini"],
  model: "scripted",
};

const PICTURE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAoAAAAKCAYAAACNMs+9AAAAFUlEQVR42mP8z8BQz0AEYBxVSF+FABJADveWkH6oAAAAAElFTkSuQmCC";

const DAY = 86_400;

/** What a kernel would tell of its sessions. */
function sessions(): Record<string, unknown>[] {
  const now = Date.now() / 1000;
  return [
    ["s1", "How warm will it be in Lisbon?", 3, now - 130, "It will be 22–26 °C in Lisbon."],
    ["s2", "Trip to Porto", 12, now - 5 * 3600, "The train at 9:39 arrives at 12:27."],
    ["s3", "Plan my week around two mornings of deep work and one of letters", 1, now - DAY, ""],
    ["s4", "<b>bold</b> \u202e \u001b[31mred", 2, now - 4 * DAY, "<img src=x onerror=alert(1)>"],
    ["s5", "", 7, now - 90 * DAY, "Nothing that has a name."],
  ].map(([session_id, title, turns, updated, preview]) => ({
    session_id,
    title,
    turns,
    updated,
    preview,
  }));
}

/** A model whose kernel keeps sessions. */
function keeping(traits: Record<string, unknown>): ScriptedModel {
  const model = new ScriptedModel({ info: INFO, ...traits });
  let kept = sessions();
  model.onSend = (message) => {
    const id = message["session_id"];
    if (message["type"] === "delete") kept = kept.filter((entry) => entry["session_id"] !== id);
    if (message["type"] === "rename") {
      kept = kept.map((entry) =>
        entry["session_id"] === id ? { ...entry, title: message["title"] } : entry,
      );
    }
    if (message["type"] !== "sessions") return;
    const search = String(message["search"] ?? "");
    const found = kept.filter((entry) =>
      JSON.stringify(entry).toLowerCase().includes(search.toLowerCase()),
    );
    setTimeout(() => model.say({ type: "sessions", search, sessions: found }), 30);
  };
  return model;
}

function turns(): unknown[] {
  const lisbon = new RunScript("response_1").text("It will be **24 °C** in Lisbon.").end();
  const porto = new RunScript("response_2").text("A little cooler: **21 °C**.").end();
  return [lisbon.turn("How warm will it be in Lisbon?"), porto.turn("And in Porto?")];
}

/** By name. */
export const INPUT_SCENES: Readonly<Record<string, Scene>> = {
  starters: {
    model: (lang) =>
      keeping({
        lang,
        session_id: "new",
        description: "Answers questions about the weather and remembers what you said.",
      }),
  },
  sessions: {
    model: (lang) => keeping({ lang, turns: turns(), title: "How warm will it be in Lisbon?" }),
  },
  attached: {
    model: (lang) => {
      const run = new RunScript().text("A picture, a table and a sound.").end();
      const message = userMessage("What are these?");
      message.content?.unshift(
        { object: "content", type: "image", image_url: PICTURE },
        {
          object: "content",
          type: "file",
          filename: "prices of the year.csv",
          file_data: "YSxiCg==",
        },
        { object: "content", type: "audio", data: "UklGRg==", format: "wav" },
        { object: "content", type: "image", image_url: "https://evil.example/pixel.png" },
        {
          object: "content",
          type: "file",
          filename: "\u202egpj.exe",
          file_url: "javascript:alert(1)",
        },
      );
      return new ScriptedModel({ lang, turns: [{ ...run.turn(""), input: [message] }] });
    },
  },
};
