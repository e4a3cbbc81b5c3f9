/** For balancers that draw in which order instances have their turns: the order in which they come. */
export const IN_ORDER = { random: (): number => 0 };
