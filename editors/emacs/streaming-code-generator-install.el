;;; streaming-code-generator-install.el --- Install the server from this checkout  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; `streaming-code-generator-install' makes a Python environment of its own, with
;; uv if that is there and with Python's venv and pip if not, and puts the server
;; of the checkout that this file belongs to into it.  From then on the package
;; starts that server, and tells when the checkout has changed since.

;;; Code:

(require 'cl-lib)
(require 'subr-x)

(defcustom streaming-code-generator-directory
  (locate-user-emacs-file "streaming-code-generator/")
  "The Python environment that `streaming-code-generator-install' makes."
  :type 'directory
  :group 'streaming-code-generator
  :risky t)

(defconst streaming-code-generator--source-file
  (file-truename (macroexp-file-name))
  "This file, which belongs to a checkout.")

(defconst streaming-code-generator--install-buffer
  "*streaming-code-generator-install*"
  "Name of the buffer that shows what an installation does.")

(defconst streaming-code-generator--model "smollm2"
  "The embedded model that is offered: 90 MB, the smallest.")

(defconst streaming-code-generator--pythons
  '("python3" "python3.13" "python3.12" "python3.11" "python")
  "Programs that may be a Python that is new enough.")

(defvar streaming-code-generator--told-outdated nil
  "The state of the checkout that was told to be newer than the server.")


;;; What is there

(defun streaming-code-generator--in-environment (program)
  "Return the file name that PROGRAM has in the installed environment."
  (expand-file-name
   (if (eq system-type 'windows-nt)
       (concat "Scripts/" program ".exe")
     (concat "bin/" program))
   streaming-code-generator-directory))

(defun streaming-code-generator--installed ()
  "Return the installed server's program, or nil if there is none.
It is complete only when the state that it was made from is written down."
  (let ((program
         (streaming-code-generator--in-environment "streaming-code-generator")))
    (and (file-exists-p (streaming-code-generator--state-file))
         (file-executable-p program)
         program)))

(defun streaming-code-generator--checkout ()
  "Return the folder of the checkout, or nil if this file stands alone."
  (locate-dominating-file streaming-code-generator--source-file
                          "pyproject.toml"))

(defun streaming-code-generator--state-file ()
  "Return the file with the state that the installed server was made from."
  (expand-file-name "installed-from" streaming-code-generator-directory))

(defun streaming-code-generator--checkout-state (checkout)
  "Return a text that is another one for each version of CHECKOUT's server."
  (with-temp-buffer
    (set-buffer-multibyte nil)
    (dolist (file (cons (expand-file-name "pyproject.toml" checkout)
                        (directory-files-recursively
                         (expand-file-name "server" checkout) "\\.py\\'")))
      (insert (encode-coding-string (file-relative-name file checkout) 'utf-8)
              "\n")
      (insert-file-contents-literally file)
      (goto-char (point-max)))
    (secure-hash 'sha256 (current-buffer))))

(defun streaming-code-generator--tell-if-outdated ()
  "Warn, once for each change, that the checkout is not what is installed."
  (when-let ((checkout (streaming-code-generator--checkout))
             (state (streaming-code-generator--checkout-state checkout)))
    (unless (or (equal state streaming-code-generator--told-outdated)
                (equal state (streaming-code-generator--installed-state)))
      (setq streaming-code-generator--told-outdated state)
      (display-warning
       'streaming-code-generator
       (format "The checkout %s has changed since its server was installed: \
M-x streaming-code-generator-install updates it"
               (abbreviate-file-name checkout))))))

(defun streaming-code-generator--installed-state ()
  "Return the state of the checkout that the installed server was made from."
  (with-temp-buffer
    (insert-file-contents (streaming-code-generator--state-file))
    (buffer-string)))


;;; How it is installed

(defun streaming-code-generator--python ()
  "Return a Python that is new enough and can make environments.
Signal what to do if there is none."
  (let* ((fits (lambda (probe)
                 (cl-find-if
                  (lambda (python)
                    (and (executable-find python)
                         (eql 0 (ignore-errors
                                  (call-process python nil nil nil "-I" "-c" probe)))))
                  streaming-code-generator--pythons)))
         (new-enough "import sys; sys.exit(sys.version_info < (3, 11))"))
    (or (funcall fits (concat "import ensurepip, venv; " new-enough))
        (if (funcall fits new-enough)
            (user-error "Python's venv is missing: install it, such as by \
`sudo apt install python3-venv', or install uv")
          (user-error "There is neither uv nor Python 3.11 or newer on \
`exec-path': install one of them")))))

(defun streaming-code-generator--install-commands (checkout with-model)
  "Return the commands that install the server of CHECKOUT, in order.
If WITH-MODEL is non-nil, the last one gets the embedded model."
  (let* ((uv (executable-find "uv"))
         (environment
          (directory-file-name
           (expand-file-name streaming-code-generator-directory)))
         (python (streaming-code-generator--in-environment "python"))
         (server (concat (directory-file-name (expand-file-name checkout))
                         "[embedded]")))
    (append
     (if uv
         `((,uv "venv" "--allow-existing" "--python" ">=3.11" ,environment)
           (,uv "pip" "install" "--python" ,python "--upgrade"
                "--reinstall-package" "streaming-code-generator" ,server))
       ;; Isolated: the current folder may hold a `pip' or `venv' of its own.
       ;; Not compiled, as with uv: most of it is never imported.
       `((,(streaming-code-generator--python) "-I" "-m" "venv" ,environment)
         (,python "-I" "-m" "pip" "install" "--disable-pip-version-check"
                  "--no-compile" "--upgrade" ,server)))
     (and with-model
          `((,(streaming-code-generator--in-environment
               "streaming-code-generator")
             "model" "install" ,streaming-code-generator--model))))))

(defun streaming-code-generator--write-in-install-buffer (text)
  "Append TEXT to the buffer of the installation."
  (with-current-buffer streaming-code-generator--install-buffer
    (save-excursion
      (let ((inhibit-read-only t))
        (goto-char (point-max))
        (insert text)))))

(defun streaming-code-generator--run-commands (commands done)
  "Run COMMANDS one after the other, showing what they say; then call DONE.
The first one that fails ends it, with its exit code."
  (if (null commands)
      (funcall done)
    (streaming-code-generator--write-in-install-buffer
     (format "$ %s\n" (string-join (car commands) " ")))
    (let ((process-environment
           (append '("UV_NO_PROGRESS=1" "PIP_PROGRESS_BAR=off"
                     "PYTHONUNBUFFERED=1" "VIRTUAL_ENV")
                   process-environment)))
      (make-process
       :name "streaming-code-generator-install"
       :buffer streaming-code-generator--install-buffer
       :command (car commands)
       :connection-type 'pipe
       :noquery t
       :sentinel
       (lambda (process _event)
         (unless (process-live-p process)
           (if (eql (process-exit-status process) 0)
               (streaming-code-generator--run-commands (cdr commands) done)
             (streaming-code-generator--tell-failure
              (car commands) (process-exit-status process)))))))))

(defun streaming-code-generator--tell-failure (command exit-code)
  "Tell that COMMAND, and with it the installation, ended with EXIT-CODE."
  (streaming-code-generator--write-in-install-buffer
   (format "Failed with exit code %d.\n" exit-code))
  (display-buffer streaming-code-generator--install-buffer)
  (message "Installing the server failed: `%s' ended with exit code %d; %s says why"
           (file-name-nondirectory (car command)) exit-code
           streaming-code-generator--install-buffer))

(defun streaming-code-generator--install-finished (state)
  "Write down that the server was made from STATE of the checkout, and tell."
  (write-region state nil (streaming-code-generator--state-file) nil 'silent)
  (message "The server is installed in %s; where one runs already, \
M-x eglot-reconnect starts the new one"
           (abbreviate-file-name streaming-code-generator-directory)))

;;;###autoload
(defun streaming-code-generator-install (&optional with-model)
  "Install the server from this package's own checkout, or update it.
It goes into `streaming-code-generator-directory' and is found there from then
on.  Emacs does not wait; a buffer shows what happens.  If WITH-MODEL is
non-nil (you are asked), the smallest embedded model is got as well."
  (interactive
   (list (y-or-n-p "Also get the embedded model smollm2 (90 MB), for \
generating without an endpoint? ")))
  (let ((checkout
         (or (streaming-code-generator--checkout)
             (user-error "There is no server beside %s: load the package from a \
clone of its repository, or set `streaming-code-generator-command'"
                         streaming-code-generator--source-file))))
    (when (get-buffer-process (get-buffer-create
                               streaming-code-generator--install-buffer))
      (user-error "The server is being installed already"))
    (with-current-buffer streaming-code-generator--install-buffer
      (special-mode)
      (setq default-directory (file-name-as-directory checkout))
      (let ((inhibit-read-only t)
            (state (streaming-code-generator--checkout-state checkout))
            (commands (streaming-code-generator--install-commands
                       checkout with-model)))
        (erase-buffer)
        (display-buffer (current-buffer))
        (streaming-code-generator--run-commands
         commands
         (lambda () (streaming-code-generator--install-finished state)))))))

(provide 'streaming-code-generator-install)
;;; streaming-code-generator-install.el ends here
