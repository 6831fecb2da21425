/** One message of the agent: its text, pictures, sound, files, or what a notebook would show. */
import type { JSX } from "preact";
import type { Words } from "./i18n";
import type { SpokenView } from "./items";
import { Attachment, Picture, Sound } from "./media";
import type { ContentView } from "./model";
import { ended } from "./model";
import { Code, ErrorCard, Markdown, memo } from "./pieces";
import { Rich } from "./rich";
import { clean } from "./text";

/** One message of the agent. */
export const Utterance = memo(function Utterance({
  item,
  words,
}: {
  item: SpokenView;
  words: Words;
}) {
  const { part, display } = item;
  const done = ended(part.status);
  const contents = (): JSX.Element[] =>
    part.contents.map((content, index) => (
      <Content key={index} content={content} done={done} words={words} />
    ));
  return (
    <>
      {display ? <Rich display={display} words={words} instead={contents} /> : contents()}
      {part.error && <ErrorCard error={part.error} words={words} />}
    </>
  );
});

/** One content of a message. */
export function Content(props: {
  content: ContentView;
  done: boolean;
  words: Words;
}): JSX.Element | null {
  const { content, done, words } = props;
  switch (content.type) {
    case "text":
      return content.text ? <Markdown text={content.text} done={done} words={words} /> : null;
    case "refusal":
      return <p class="asnb-refusal">{clean(content.text)}</p>;
    case "image":
      return <Picture url={content.url} words={words} />;
    case "audio":
      return <Sound content={content} words={words} />;
    case "video":
    case "file":
      return <Attachment content={content} words={words} />;
    default:
      return content.data ? (
        <Code text={clean(JSON.stringify(content.data, null, 2))} lang="json" done words={words} />
      ) : null;
  }
}
