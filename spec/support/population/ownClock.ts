const RealDate = Date;

/** Has everybody in this process read a wall clock that is wrong by so much; the monotonic one goes on as it was. */
export function setWallClock(offsetMs: number): void {
  globalThis.Date =
    offsetMs === 0
      ? RealDate
      : new Proxy(RealDate, {
          construct: (target, args: [], newTarget) =>
            Reflect.construct(target, args.length > 0 ? args : [target.now() + offsetMs], newTarget) as Date,
          apply: () => new RealDate(RealDate.now() + offsetMs).toString(),
          get: (target, property, receiver) =>
            property === 'now' ? () => target.now() + offsetMs : (Reflect.get(target, property, receiver) as unknown),
        });
}
