/** One replacement in a file of ours. */
export interface Edit {
  /** The text as it stands there, exactly once. */
  readonly text: string;
  readonly instead: string;
}

/** Something in the code that is there because of a fault, and the spec that knows it is. */
export interface Safeguard {
  /** What it is called, in a word or two. */
  readonly name: string;
  /** What happens without it. */
  readonly without: string;
  /** The file that it stands in. */
  readonly file: string;
  /** What takes it away. */
  readonly edits: readonly Edit[];
  /** The project of the spec: those of `servers` run on real servers. */
  readonly project: 'unit' | 'realtime' | 'servers';
  /** The file of the spec that must fail without it. */
  readonly spec: string;
  /** Where the spec's text is, if its file takes it from another. */
  readonly textIn?: string;
  /** The name of that spec, as it is written there. */
  readonly title: string;
}
