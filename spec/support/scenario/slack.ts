/** What a busy machine may add to a promised time. */
export const SLACK_MS = 1_500;
