/** Whether the parsers are here: they are fetched while the user still writes. */
import { useEffect, useState } from "preact/hooks";
import { loadAsset } from "./assets";

type Parsers = typeof import("./parsers");

let parsers: Parsers | null = null;

/** The parsers; only what is drawn when `useMarkup` says so may ask. */
export function markup(): Parsers {
  if (!parsers) throw new Error("the parsers are not here yet");
  return parsers;
}

/** Take the parsers in. */
export function haveMarkup(loaded: Parsers): void {
  parsers = loaded;
}

/** Fetch them; false when nobody has them, and then text stays as it was written. */
export async function fetchMarkup(): Promise<boolean> {
  try {
    haveMarkup(await loadAsset<Parsers>("parsers"));
    return true;
  } catch {
    return false;
  }
}

/** Whether markup can be drawn; the component is drawn again when it can. */
export function useMarkup(): boolean {
  const [ready, setReady] = useState(parsers !== null);
  useEffect(() => {
    let here = true;
    if (!ready) void fetchMarkup().then((ok) => here && setReady(ok));
    return () => {
      here = false;
    };
  }, [ready]);
  return ready;
}
