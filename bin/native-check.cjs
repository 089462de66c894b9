'use strict';
// Checks and tests the native log (native/, Rust): rustfmt, clippy, cargo test. Called by
// `npm run test:native`; runs on any Node from 12 on. Where a tool is missing it says so and goes
// on: a machine without Rust runs the portable log, and has nothing of this to test.
const path = require('path');
const { spawnSync } = require('child_process');
const { findCargo } = require('./native-build.cjs');

const manifest = path.join(path.dirname(__dirname), 'native', 'Cargo.toml');

/** What is run, and how to see whether it can be. */
const STEPS = [
  { tool: 'rustfmt', probe: ['fmt', '--version'], args: ['fmt', '--all', '--check'] },
  {
    tool: 'clippy',
    probe: ['clippy', '--version'],
    args: ['clippy', '--quiet', '--locked', '--workspace', '--all-targets', '--', '-D', 'warnings'],
  },
  {
    tool: 'cargo',
    probe: ['--version'],
    // The binding is tested from Node: its library has no symbols of Node's to link with.
    args: ['test', '--quiet', '--locked', '-p', 'warrenmq-log', '-p', 'warrenmq-log-simulate'],
  },
];

function withManifest([command, ...rest]) {
  return [command, '--manifest-path', manifest].concat(rest);
}

function runAll(cargo) {
  for (const { tool, probe, args } of STEPS) {
    if (spawnSync(cargo, probe, { stdio: 'ignore' }).status !== 0) {
      process.stdout.write(`native: ${args[0]} skipped: needs ${tool}\n`);
      continue;
    }
    const { status } = spawnSync(cargo, withManifest(args), { stdio: 'inherit' });
    if (status !== 0) {
      process.stderr.write(`native: cargo ${args[0]} failed\n`);
      return 1;
    }
  }
  return 0;
}

const cargo = findCargo();
if (cargo === undefined) process.stdout.write('native: skipped: needs cargo\n');
else process.exitCode = runAll(cargo);
