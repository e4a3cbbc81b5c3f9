import { wholeNumber } from '../../internal/options.js';

export {
  checked,
  milliseconds as waitMs,
  optionalFunction,
  optionsObject,
  positiveMs,
} from '../../internal/options.js';

/** A count of one or more. */
export function count(option: string, value: number, most = Number.MAX_SAFE_INTEGER): number {
  return wholeNumber(option, value, 1, most);
}
