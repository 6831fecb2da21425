/** What can be chosen for a chat: its model and what the app offers. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Words } from "./i18n";
import type { Info, Setting, Value, Values } from "./info";
import { Dropdown } from "./menu";
import { clean } from "./text";

/** The button and what it opens. A change holds at once, from the next message on. */
export function Settings(props: {
  info: Info;
  values: Values;
  words: Words;
  disabled: boolean;
  onChange: (values: Values) => void;
}): JSX.Element {
  const { words, disabled } = props;
  return (
    <Dropdown icon="sliders" label={words("settings")} disabled={disabled}>
      {() => <Form {...props} />}
    </Dropdown>
  );
}

type FormProps = Parameters<typeof Settings>[0];

function Form({ info, values, words, onChange }: FormProps): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => root.current?.querySelector<HTMLElement>("input, select")?.focus(), []);
  const set = (name: string, value: Value | undefined): void => {
    const others = Object.entries(values).filter(([key]) => key !== name);
    onChange(Object.fromEntries(value === undefined ? others : [...others, [name, value]]));
  };
  return (
    <div class="asnb-settings" role="dialog" aria-label={words("settings")} ref={root}>
      {info.models.length > 0 && (
        <ModelField
          models={info.models}
          standard={info.model}
          value={String(values["model"] ?? "")}
          words={words}
          onChange={(model) => set("model", model || undefined)}
        />
      )}
      {info.settings.map((setting) => (
        <Field
          key={setting.name}
          setting={setting}
          value={Object.hasOwn(values, setting.name) ? values[setting.name] : undefined}
          onChange={(value) => set(setting.name, value)}
        />
      ))}
      <button
        type="button"
        class="asnb-button"
        disabled={Object.keys(values).length === 0}
        onClick={() => onChange({})}
      >
        {words("reset")}
      </button>
    </div>
  );
}

/** One of the models that the app offers; its own by default. */
function ModelField(props: {
  models: readonly string[];
  standard: string;
  value: string;
  words: Words;
  onChange: (model: string) => void;
}): JSX.Element {
  const { standard, value, words } = props;
  const others = new Set([...props.models, value]);
  others.delete(standard);
  others.delete("");
  return (
    <label class="asnb-setting">
      <span>{words("model")}</span>
      <select
        class="asnb-field"
        value={value === standard ? "" : value}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        <option value="">{words("standard", { name: standard || words("model") })}</option>
        {[...others].map((model) => (
          <option key={model} value={model}>
            {clean(model)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One setting of the app; `undefined` is its default. */
function Field(props: {
  setting: Setting;
  value: Value | undefined;
  onChange: (value: Value | undefined) => void;
}): JSX.Element {
  const { setting, onChange } = props;
  const value = props.value ?? setting.default;
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: whichever of them is shown
    <label class={`asnb-setting asnb-setting-${setting.kind}`}>
      <span>{clean(setting.name)}</span>
      {setting.kind === "choice" ? (
        <select
          class="asnb-field"
          value={String(value)}
          onChange={(event) => onChange(event.currentTarget.value)}
        >
          {setting.choices.map((choice) => (
            <option key={choice} value={choice}>
              {clean(choice)}
            </option>
          ))}
        </select>
      ) : setting.kind === "switch" ? (
        <input
          type="checkbox"
          role="switch"
          checked={value === true}
          aria-checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      ) : (
        <input
          class="asnb-field"
          type={setting.kind as "number"}
          step="any"
          value={String(value)}
          onChange={(event) => onChange(written(event.currentTarget, setting.kind))}
        />
      )}
    </label>
  );
}

function written(input: HTMLInputElement, kind: Setting["kind"]): Value | undefined {
  if (kind !== "number") return input.value;
  return Number.isFinite(input.valueAsNumber) ? input.valueAsNumber : undefined;
}
