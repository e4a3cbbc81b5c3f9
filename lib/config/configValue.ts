/** A value as the configuration centre holds it. */
export interface PresentConfigValue {
  readonly present: true;
  readonly key: string;
  readonly group: string;
  /** The content, decoded from UTF-8. */
  readonly content: string;
  /** Rises with every write to the key, also when it is removed and published again. */
  readonly version: bigint;
}

/** A key that holds no value: an answer, not an error. */
export interface AbsentConfigValue {
  readonly present: false;
  readonly key: string;
  readonly group: string;
  readonly content: undefined;
  readonly version: undefined;
}

/** What a key holds: a value, or none. */
export type ConfigValue = PresentConfigValue | AbsentConfigValue;
