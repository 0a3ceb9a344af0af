;;; emacs_agent.el --- Evaluates what a test sends  -*- lexical-binding: t; -*-

;;; Commentary:

;; A test listens on a loopback port, whose number is in EMACS_AGENT_PORT.  Each line from it is an
;; expression in a JSON string; each answer is a line with {"value": …} or {"error": …}.

;;; Code:

;; No test waits for machine code of what is loaded.  Emacs 28 has the first name.
(setq native-comp-deferred-compilation nil
      native-comp-jit-compilation nil)

(require 'json)

(defvar emacs-agent-messages nil
  "What the user was told, the newest first.")

(defvar emacs-agent--process nil
  "The connection to the test.")

(defvar emacs-agent--received ""
  "What came of a line that is not complete yet.")

(defun emacs-agent--value (expression)
  "Return the value of EXPRESSION, a string, in the selected window's buffer."
  (let ((value (with-current-buffer (window-buffer (selected-window))
                 (eval (car (read-from-string (format "(progn %s)" expression))) t))))
    ;; The rest, such as a buffer, is of no use outside.
    (and (or (stringp value) (numberp value) (vectorp value) (eq value t))
         value)))

(defun emacs-agent--answer (line)
  "Evaluate LINE and send the answer."
  (let ((answer (condition-case problem
                    (list :value (emacs-agent--value (json-read-from-string line)))
                  (error (list :error (error-message-string problem))))))
    (process-send-string emacs-agent--process (concat (json-encode answer) "\n"))))

(defun emacs-agent--receive (_process text)
  "Take TEXT, and evaluate each line soon: not here, where Emacs must not wait."
  (setq emacs-agent--received (concat emacs-agent--received text))
  (let ((lines (split-string emacs-agent--received "\n")))
    (setq emacs-agent--received (car (last lines)))
    (dolist (line (butlast lines))
      (run-at-time 0 nil #'emacs-agent--answer line))))

(advice-add 'message :before
            (lambda (&optional text &rest arguments)
              (when text
                (push (apply #'format text arguments) emacs-agent-messages))))

(setq emacs-agent--process
      (make-network-process
       :name "agent" :host "127.0.0.1" :service (string-to-number (getenv "EMACS_AGENT_PORT"))
       :coding 'utf-8-unix :noquery t :filter #'emacs-agent--receive))

(when noninteractive
  (while (process-live-p emacs-agent--process)
    (accept-process-output nil 0.02)))

;;; emacs_agent.el ends here
