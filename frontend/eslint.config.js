import { readdirSync } from 'node:fs';
import js from '@eslint/js';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import globals from 'globals';
import tseslint from 'typescript-eslint';

const features = readdirSync(new URL('./src/features', import.meta.url));

/** Folders see only what stands below them: time < api < ui < components < features < app. */
const forbid = (files, folders, message) => ({
  files,
  rules: {
    'no-restricted-imports': [
      'error',
      {
        patterns: [
          { regex: '^\\.\\./', message: 'Write @/… for what is in another folder.' },
          { regex: `^@/(${folders.join('|')})(/|$)`, message },
        ],
      },
    ],
  },
});

export default tseslint.config(
  { ignores: ['dist', 'e2e/.results', 'src/api/schema.gen.ts'] },
  js.configs.recommended,
  {
    files: ['**/*.{ts,tsx}'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: 'error',
      'max-lines': ['error', { max: 400, skipBlankLines: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'No barrel files: import from where it is.' },
        {
          selector: 'ExportNamedDeclaration[source]',
          message: 'No barrel files: import from where it is.',
        },
        {
          selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']",
          message: 'What came from outside is shown as text.',
        },
      ],
    },
  },
  {
    files: ['src/**/*.tsx', 'src/**/use*.ts', 'test/**/*.tsx'],
    extends: [reactHooks.configs.flat['recommended-latest'], jsxA11y.flatConfigs.strict],
  },
  {
    files: ['**/*.{js,mjs}'],
    languageOptions: { globals: { ...globals.node, ...globals.browser } },
  },
  { files: ['public/*.js'], languageOptions: { sourceType: 'script' } },
  forbid(
    ['src/time/**'],
    ['api', 'ui', 'components', 'features', 'app'],
    'time stands at the bottom.',
  ),
  forbid(['src/api/**'], ['ui', 'components', 'features', 'app'], 'api knows nothing of the page.'),
  forbid(['src/ui/**'], ['components', 'features', 'app'], 'ui is state, not looks.'),
  // `app/hooks` is the typed way to the store, for everyone.
  forbid(['src/components/**'], ['features', 'app/(?!hooks$)'], 'components serve every feature.'),
  ...features.map((name) =>
    forbid(
      [`src/features/${name}/**`],
      [
        ...features.filter((other) => other !== name).map((other) => `features/${other}`),
        'app/(?!hooks$)',
      ],
      'Features do not import each other, nor the app around them.',
    ),
  ),
);
