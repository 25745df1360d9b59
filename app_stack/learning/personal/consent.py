"""What a learner is told before anything is collected, and agrees to. A change of these words is a new version."""

from __future__ import annotations

from learning.language import say_later

VERSION = '2026-11'
PURPOSE = say_later(
    '为什么需要：安全生产培训须实名，学习档案要能证明是谁完成了培训。'
    '我们只收集真实姓名、身份证号和手机号：姓名和身份证号用于确认学员身份和出具培训档案，'
    '手机号用于在档案有疑问时联系您。三项均加密保存，页面上只显示一部分，不用于其他目的，也不提供给其他人，'
    '法律要求的除外。保存到培训档案的法定期限届满，之后删除。'
    '您可以在“我的信息”中查看，也可以要求更正或删除。',
    'Why: safety training is done under real names, and the archive has to show who completed it. '
    'We collect your real name, identity number and mobile phone and nothing else: name and number to know who learns '
    'and to make out the archive, the phone to reach you when something about it is unclear. All three are kept '
    'encrypted, shown only in part, used for nothing else and given to nobody unless the law demands it. They are kept '
    'for as long as the law wants the archive kept, and then deleted. '
    'You can see them under “My data”, and ask for correction or deletion.',
)
AGREEMENT = say_later(
    '我已阅读上述说明，同意为此目的处理我的姓名、身份证号和手机号',
    'I have read this, and agree that my name, identity number and mobile phone are used for it',
)
