/** The page's script, bundled with uPlot when the package is built; see `page-bundle.mjs`. There is no such file. */
export declare const script: string;
/** The page's style sheet. */
export declare const style: string;
