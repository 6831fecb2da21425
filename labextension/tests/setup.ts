/** The parsers are here from the beginning, as they are in a chat after a moment. */
import { haveMarkup } from "../ui/markup";
import * as parsers from "../ui/parsers";

haveMarkup(parsers);
