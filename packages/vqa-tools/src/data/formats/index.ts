import type { DatasetFormat } from '../example.js';
import { chartqaGithub, chartqaHub, chartqaLmms } from './chartqa.js';
import { charxivGithub, charxivHub } from './charxiv.js';
import { refocusTest, refocusTrain } from './refocus.js';
import { tabfactStatements } from './tabfact.js';
import { tablevqabench } from './tablevqabench.js';
import { vtoolV1 } from './vtool-v1.js';
import { vtoolV2 } from './vtool-v2.js';
import { wikitablequestionsJsonl } from './wikitablequestions.js';

/** The name of a built-in format. */
export type DatasetFormatName =
  | 'vtool-v1'
  | 'vtool-v2'
  | 'refocus-train'
  | 'refocus-test'
  | 'tablevqabench'
  | 'charxiv-hub'
  | 'charxiv-github'
  | 'chartqa-hub'
  | 'chartqa-lmms'
  | 'chartqa-github'
  | 'tabfact'
  | 'wikitablequestions';

/** The data set formats, most specific first: detection takes the first that fits. */
export const datasetFormats: Readonly<Record<DatasetFormatName, DatasetFormat>> = {
  'vtool-v1': vtoolV1,
  'vtool-v2': vtoolV2,
  'refocus-train': refocusTrain,
  'refocus-test': refocusTest,
  tablevqabench,
  'charxiv-hub': charxivHub,
  'charxiv-github': charxivGithub,
  'chartqa-hub': chartqaHub,
  'chartqa-lmms': chartqaLmms,
  'chartqa-github': chartqaGithub,
  tabfact: tabfactStatements,
  wikitablequestions: wikitablequestionsJsonl,
};
