/** The Markdown parser and the sanitiser of HTML: an asset, which the first answer needs. */
export { default as createDOMPurify } from "dompurify";
export { Lexer, Marked } from "marked";
