// The Prometheus text format, version 0.0.4: families of samples, each with HELP and TYPE. Main
// thread, pure. Source: Prometheus docs, "Exposition formats", text-based format.
//
//     # HELP rabbitmq_queues Queues available
//     # TYPE rabbitmq_queues gauge
//     rabbitmq_queues{label="value"} 3

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge';
  readonly samples: readonly Sample[];
}

export function expositionText(families: Iterable<MetricFamily>): string {
  let text = '';
  for (const { name, help, type, samples } of families) {
    text += `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n`;
    for (const { labels, value } of samples) {
      text += `${name}${labelText(labels)} ${valueText(value)}\n`;
    }
  }
  return text;
}

function labelText(labels: Sample['labels']): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return '';
  return `{${entries.map(([name, value]) => `${name}="${escapeLabel(String(value))}"`).join(',')}}`;
}

/** Go's words for what is no number. */
function valueText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '+Inf' : '-Inf';
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
