/** The version of this package, as it stands in the `release` parameter of what it registers. */
export const VERSION = '0.1.0';
