/** Values that can be watched: what changes between drawings. */
import { useLayoutEffect, useState } from "preact/hooks";

/** What can be watched, whatever its value is. */
export interface Watched {
  /** Call back whenever it changes; returns how to end that. */
  watch(watcher: () => void): () => void;
}

/** A value that tells its watchers when it is another. */
export class Signal<T> implements Watched {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher();
  }

  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** Draw the component again whenever one of these values changes. */
export function useSignals(signals: readonly Watched[]): void {
  const [, draw] = useState(0);
  useLayoutEffect(() => {
    const again = (): void => draw((count) => count + 1);
    const ends = signals.map((signal) => signal.watch(again));
    return () => {
      for (const end of ends) end();
    };
  }, [signals]);
}
