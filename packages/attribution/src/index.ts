export { attribute } from './attribute.js';
export { AttributionError, type AttributionErrorCode } from './errors.js';
export { attributionMethods } from './methods/index.js';
