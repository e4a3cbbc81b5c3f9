/** What the two levels of Dubbo say differently of one service though nothing is different: where it lies, and how it was registered. */
export const LEVEL_PARAMETERS = ['category', 'REGISTRY_CLUSTER', 'metadata-type', 'service-name-mapping'] as const;
