/** The page's script and style sheet, bundled when the package is built (see `page-bundle.mjs`). */
declare module 'virtual:report-page' {
  export const script: string;
  export const style: string;
}
