// warrenmqctl's verbs that write and read definitions. Runs in main. `-` as the file is standard
// output or input, as with rabbitmqctl.
import type { Row } from './api-client.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import type { Verb } from './verb.ts';

const exportDefinitions: Verb = {
  name: 'export_definitions',
  arguments: '<file>',
  description: 'Write users, virtual hosts, permissions, policies and topology as JSON.',
  run: async (context, [file]) => {
    const definitions = await context.api.get<Row>('definitions');
    const text = `${JSON.stringify(definitions)}\n`;
    if (file === '-') {
      context.terminal.out(text);
      return;
    }
    context.banner(`Exporting definitions in JSON to a file at "${file}" ...`);
    context.terminal.writeFile(file, text);
  },
};

const importDefinitions: Verb = {
  name: 'import_definitions',
  arguments: '[file]',
  description: 'Make what is in exported definitions and not there yet.',
  options: (command) => void command.option('--skip-if-unchanged'),
  run: async (context, [file]) => {
    const isInput = file === undefined || file === '-';
    const from = isInput ? 'standard input' : `a file at "${file}"`;
    context.banner(`Importing definitions in JSON from ${from} ...`);
    const text = readText(context.terminal.readFile, isInput ? '/dev/stdin' : file);
    let definitions: unknown;
    try {
      definitions = JSON.parse(text);
    } catch {
      throw new CtlError(EXIT_CODES.data, `Failed to parse ${from}: it is no JSON`);
    }
    await context.api.post('definitions', definitions);
    context.done('Successfully started definition import.');
  },
};

function readText(readFile: (path: string) => string, file: string): string {
  try {
    return readFile(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new CtlError(EXIT_CODES.data, `cannot read ${file}: ${code ?? String(error)}`);
  }
}

export const definitionVerbs: readonly Verb[] = [exportDefinitions, importDefinitions];
