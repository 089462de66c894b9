// When the certificates of listeners end, to be alarmed before they do. Main thread, pure.
import type { ManagementSource } from '../source.ts';
import type { MetricFamily } from './exposition.ts';

export function certificateMetrics(certificates: ManagementSource['certificates']): MetricFamily[] {
  const samples = certificates.expiries().map(({ protocol, name, file, notAfter }) => ({
    labels: { listener: protocol, name, file },
    value: Date.parse(notAfter) / 1000,
  }));
  if (samples.length === 0) return [];
  return [
    {
      name: 'warrenmq_certificate_expiry_timestamp_seconds',
      help: 'When the certificate file of a listener expires, in seconds since 1970',
      type: 'gauge',
      samples,
    },
  ];
}
