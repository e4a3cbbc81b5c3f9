import { Composer, type CST, type ErrorCode, Lexer, Parser } from 'yaml';
import { checkDepth, checkPlain } from './checkPlain.js';

/** What takes the parser longer than it may block a process: some texts cost the square of their length. */
const LONGEST = 262_144;

/**
 * Reads one YAML 1.2 document in the core schema: maps, lists and scalars, nothing else.
 *
 * Of keys that are repeated the last one counts, as in Java. Tags are ignored, there are no merge keys, and the text may not
 * say otherwise.
 *
 * @param text - At most 262144 characters.
 * @returns A plain value; `null` for a text without content.
 * @throws Error that says why not, in words of its own and without a piece of the text, which may be a secret.
 */
export function parseYaml(text: string): unknown {
  if (text.length > LONGEST) throw new Error(`it has more than ${LONGEST} characters, too many to read as YAML.`);
  const composer = new Composer({
    schema: 'core',
    merge: false,
    resolveKnownTags: false,
    // Comparing each key with each other takes too long.
    uniqueKeys: false,
    prettyErrors: false,
  });
  const documents = [...composer.compose(shallowTokens(text), true, text.length)];
  const [document] = documents;
  if (documents.length !== 1 || !document) throw new Error('it has more than one YAML document.');
  const [error] = document.errors;
  if (error) throw new Error(`it is not YAML (${reasonOf(error.code)} at character ${error.pos[0]}).`);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch {
    throw new Error('its aliases lead nowhere, or stand for too much.');
  }
  checkPlain(value);
  return value;
}

/** What the parser makes of a text, watched for depth on the way: what follows it goes down as deep, by recursion. */
function* shallowTokens(text: string): Generator<CST.Token, void> {
  const parser = new Parser();
  for (const lexeme of new Lexer().lex(text)) {
    yield* parser.next(lexeme);
    checkDepth(parser.stack.length - 1);
  }
  yield* parser.end();
}

function reasonOf(code: ErrorCode): string {
  return code.toLowerCase().replaceAll('_', ' ');
}
