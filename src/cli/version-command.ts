// `warrenmq version` and `warrenmq --version`: one line, for people and bug reports. Runs in main.
import { Command } from 'commander';
import { productVersion } from '../base/product-version.ts';
import type { Terminal } from './terminal.ts';

export function versionText(): string {
  const { version, platform, arch } = process;
  return `WarrenMQ ${productVersion()} (Node ${version}, ${platform} ${arch})`;
}

export function versionCommand(terminal: Terminal): Command {
  return new Command('version')
    .description('Print the version.')
    .action(() => terminal.out(`${versionText()}\n`));
}
