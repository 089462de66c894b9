#!/usr/bin/env node
'use strict';
// `warrenmqctl ...` is `warrenmq ctl ...`. Runs on any Node from 12 on, as the launcher does.
process.argv.splice(2, 0, 'ctl');
module.exports = require('./warrenmq.cjs');
