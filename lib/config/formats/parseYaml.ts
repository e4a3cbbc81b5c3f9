import { constructFromEvents, CORE_SCHEMA, type Event, parseEvents, YAMLException } from 'js-yaml';
import { checkPlain, MAX_DEPTH, tooDeep } from './checkPlain.js';
import { anyOf, checkSize, type Limits } from './checkSize.js';

const ALWAYS = anyOf('\n\r,[]{}&*!"\'|>');
const BEFORE_SPACE = anyOf(':-?');
const SPACE = anyOf(' \t\n\r');

/** What begins or ends a token: the parser does most of its work there, and little in between. */
const LIMITS: Limits = {
  characters: 524_288,
  isMark: (text, index) => {
    const code = text.charCodeAt(index);
    return ALWAYS(code) || (BEFORE_SPACE(code) && SPACE(text.charCodeAt(index + 1)));
  },
  marks: 16_384,
  called: 'line breaks, separators and quotes',
};

/** How many aliases there may be, and how many values once they are written out. */
const MOST_ALIASES = 100;
const MOST_VALUES = 100_000;

/**
 * Reads one YAML 1.2 document in the core schema: maps, lists and scalars, nothing else.
 *
 * Of keys that are repeated the last one counts, as in Java. Tags are ignored, there are no merge keys, and the text may not
 * say otherwise.
 *
 * @returns A plain value; `null` for a text without content.
 * @throws Error that says why not, in words of its own and without a piece of the text, which may be a secret.
 */
export function parseYaml(text: string): unknown {
  checkSize(text, 'YAML', LIMITS);
  const value = readDocument(text);
  checkPlain(value, MOST_VALUES);
  return value;
}

function readDocument(text: string): unknown {
  let documents: readonly unknown[];
  try {
    const events = parseEvents(text, { maxDepth: MAX_DEPTH });
    documents = constructFromEvents(events.map(withoutTag), {
      source: text,
      schema: CORE_SCHEMA,
      json: true,
      maxAliases: MOST_ALIASES,
    });
  } catch (error) {
    throw reasonOf(error);
  }
  if (documents.length > 1) throw new Error('it has more than one YAML document.');
  return documents[0] ?? null;
}

function withoutTag(event: Event): Event {
  return 'tagStart' in event ? { ...event, tagStart: -1, tagEnd: -1 } : event;
}

/** Not the parser's own words: they may quote the text. */
function reasonOf(error: unknown): Error {
  const { reason = '', mark = undefined } = error instanceof YAMLException ? error : {};
  if (/^nesting exceeded/.test(reason)) return tooDeep();
  if (/alias/.test(reason)) return new Error(`its aliases are more than ${MOST_ALIASES}, or lead nowhere.`);
  const where = mark ? ` (line ${mark.line + 1}, column ${mark.column + 1})` : '';
  if (/complex keys/.test(reason)) return new Error(`it has a list or a map for a key${where}.`);
  return new Error(`it is not YAML${where}.`);
}
