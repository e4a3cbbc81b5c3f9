import { concat, identity, type MonoTypeOperatorFunction, type Observable, Subject, takeUntil, throwError } from 'rxjs';
import {
  balance,
  type BalanceOptions,
  type BalancerFactory,
  type Picker,
  powerOfTwoChoices,
} from './balancers/index.js';
import { RegistryError } from './errors.js';
import type { InstanceSet } from './instances/index.js';
import { optionalFunction, optionsObject } from './internal/options.js';

/** How {@link Registry.picker} chooses. */
export interface RegistryPickerOptions extends BalanceOptions {
  /** How to choose, one of `rx-registry/operators`. @defaultValue `powerOfTwoChoices()` */
  readonly balancer?: BalancerFactory | undefined;
  /** What the sets go through before it, such as `stabilize({ removeAfterMs: 10_000 })`. @defaultValue nothing */
  readonly through?: MonoTypeOperatorFunction<InstanceSet> | undefined;
}

/** A picker that follows the registry until it, or the registry, is closed: then calls fail with `CLOSED`. */
export interface RegistryPicker extends Picker, Disposable {
  /** Stops following the registry. Calls that are under way are not touched. */
  close(): void;
}

/** Subscribes to sets for as long as the picker of them is used. */
export function registryPicker(sets: Observable<InstanceSet>, options: RegistryPickerOptions): RegistryPicker {
  const { balancer = powerOfTwoChoices(), through, ...rest } = optionsObject(options);
  const closing = new Subject<void>();
  const source = sets.pipe(optionalFunction('through', through) ?? identity, takeUntil(closing));
  const closed = throwError(() => new RegistryError('CLOSED', 'The picker, or its registry, is closed.'));
  let made: Picker | undefined;
  concat(source, closed)
    .pipe(balance(balancer, rest))
    // What fails is told by the calls.
    .subscribe({ next: (picker) => (made = picker), error: () => undefined });
  const close = (): void => closing.next();
  return Object.defineProperties(made, {
    close: { value: close },
    [Symbol.dispose]: { value: close },
  }) as RegistryPicker;
}
