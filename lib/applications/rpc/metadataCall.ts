/** A question to a metadata service. */
export interface MetadataCall {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
  readonly application: string;
  readonly revision: string;
}

/** What Java and dubbo-go call the service. */
export const METADATA_SERVICE = 'org.apache.dubbo.metadata.MetadataService';

/** More than any metadata has. */
export const MOST_BYTES = 4 * 1_048_576;
